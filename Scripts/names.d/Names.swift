// Nothing: this target only tells the package manager what modules of other packages are to be called.
