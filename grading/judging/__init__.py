"""From two executed notebooks to marks: rebuild, assess, judge, and say why."""
