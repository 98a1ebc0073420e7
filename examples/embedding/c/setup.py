from setuptools import Extension, setup

import scratchnn

setup(name="logic", ext_modules=[Extension("logic", ["logic.c"], include_dirs=[scratchnn.get_include()])])
