"""Files on disk: atomic writes, output paths, free space, edits of YAML."""
