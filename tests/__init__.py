"""The tests."""

import os

# Triton's interpreter multiplies by numpy. Some kernels of OpenBLAS round a row by where it stands
# (Haswell's do); these do not, on any x86. They are chosen before numpy's import.
os.environ["OPENBLAS_CORETYPE"] = "Nehalem"
