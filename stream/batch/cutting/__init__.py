"""Long recordings: cut into parts that are fused by themselves, and joined again."""
