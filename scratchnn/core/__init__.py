"""What networks are made of, below Python.

Public: ``linalg``, ``activations``, ``losses``, ``updates`` and ``random``, which are functions on arrays, and
``kernels``, which tells and chooses the instruction set. The rest serves :class:`scratchnn.NeuralNetwork`.
"""
