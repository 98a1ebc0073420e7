import sys

from setuptools import Extension, setup

import scratchnn

flags = ["/std:c++17"] if sys.platform == "win32" else ["-std=c++17"]
extension = Extension("thousand", ["thousand.cpp"], include_dirs=[scratchnn.get_include()], extra_compile_args=flags)
setup(name="thousand", ext_modules=[extension])
