"""The autograder: checks, evidence, judging, the engine and the gradebook."""
