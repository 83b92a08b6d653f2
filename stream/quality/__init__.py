"""Read fused pictures and videos with their sources, measure them, and write tables, plots and sheets."""
