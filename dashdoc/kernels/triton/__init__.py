"""Stages 1, 2 and 3 as Triton kernels, one file a stage; importing them needs Triton.

A tile of neighbouring query tokens shares one list of the chunks that any of them reads.
`autograd` is the way in.
"""
