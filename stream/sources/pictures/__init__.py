"""Sources of single pictures: folders, TIFF stacks, radiometric JPEG."""
