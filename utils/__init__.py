"""What the labs import so that a student reads the lesson, not the plumbing.

Nothing is imported here: ``import utils`` costs nothing, each module is imported by name.

============== =====================================================================
``device``     the device, the seeds, the settings of a ``DataLoader``
``training``   ``fit`` and ``evaluate``
``processes``  one training run by several processes
``precision``  fp32, bf16 or fp16, as asked for or as measured
``recording``  training steps that a GPU records and plays back
``history``    what ``fit`` returns: the curves, and their plot
``progress``   a bar where somebody watches, plain lines elsewhere
``diagnosis``  one clear message for what is wrong with a run
``checkpoint`` one file that holds a training run, written atomically
``lr_finder``  the learning-rate range test
``text``       tokenisers, vocabulary, batches of similar length
``subwords``   a vocabulary of pieces of words
``batches``    batches of so many tokens
``kernels``    attention, dropout and a loss, faster on a CPU
``plots``      curves, confusion matrix, attention, embeddings, image grids
``diagrams``   boxes and arrows for drawings of a network
``alt_text``   what a figure shows, in words
``storage``    where a student's work is kept between sessions
``unfinished`` a cell that waits for an exercise above it
``profile``    full or quick, and the seed of this run
``language``   the language of this session, and every sentence said in it
============== =====================================================================
"""
