"""Networks from and for other libraries: ONNX, scikit-learn, PyTorch's state dicts, safetensors (docs/exchange.md).

The methods are those of :class:`scratchnn.NeuralNetwork`; each imports what it needs when it is called.
"""
