from scratchnn._version import __version__
