from Cython.Build import cythonize
from setuptools import Extension, setup

import scratchnn

setup(ext_modules=cythonize([Extension("fastfit", ["fastfit.pyx"], include_dirs=[scratchnn.get_include()])]))
