"""Does joint learning help detection (`python -m benchmarks.joint`) and segmentation?"""
