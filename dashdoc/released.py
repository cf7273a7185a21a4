"""The released checkpoint: what a model is where none is named. It can be named without torch."""

RELEASED = "fasa-org/MiniCPM-4-8B-DashAttention"
