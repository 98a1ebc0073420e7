# Nothing for Python: dense.pxd declares the layer's functions for other Cython modules.
