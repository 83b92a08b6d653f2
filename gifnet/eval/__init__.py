"""Metrics of fused pictures, each with its convention named.

Conventions are those of the Python evaluator of the CDDFuse line of papers, but MI is in bits: grey levels
0..255, MI, SCD, VIF, SSIM and MS-SSIM summed over both sources, CC and FMI their mean, AG the mean over all
pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gifnet.eval.detail import detail_loss
from gifnet.eval.edges import edge_artefacts, edge_preservation
from gifnet.eval.features import feature_mutual_information
from gifnet.eval.information import sum_of_mutual_information, sum_of_vif
from gifnet.eval.similarity import (
    mean_correlation,
    peak_signal_to_noise,
    sum_of_difference_correlations,
    sum_of_ms_ssim,
    sum_of_ssim,
)
from gifnet.eval.single import (
    Grey,
    average_gradient,
    edge_intensity,
    entropy,
    spatial_frequency,
    standard_deviation,
)


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of a fused picture and its two sources.

    Attributes:
        measure: takes fused, visible, thermal, each [H, W] uint8.
        higher_is_better: what most papers hold; noise raises EN, SD, SF, AG and EI too.
        unit: of the value, or what it sums up.
    """

    measure: Callable[[Grey, Grey, Grey], float]
    higher_is_better: bool
    unit: str


def _alone(measure: Callable[[Grey], float]) -> Callable[[Grey, Grey, Grey], float]:
    return lambda fused, _visible, _thermal: measure(fused)


METRICS: dict[str, Metric] = {
    "EN": Metric(_alone(entropy), True, "bits"),
    "SD": Metric(_alone(standard_deviation), True, "grey levels"),
    "SF": Metric(_alone(spatial_frequency), True, "grey levels"),
    "AG": Metric(_alone(average_gradient), True, "grey levels"),
    "EI": Metric(_alone(edge_intensity), True, "grey levels"),
    "MI": Metric(sum_of_mutual_information, True, "bits, sum of both sources"),
    "CC": Metric(mean_correlation, True, "mean of both sources"),
    "SCD": Metric(sum_of_difference_correlations, True, "sum of both sources"),
    "VIF": Metric(sum_of_vif, True, "sum of both sources"),
    "Qabf": Metric(edge_preservation, True, ""),
    "Nabf": Metric(edge_artefacts, False, ""),
    "SSIM": Metric(sum_of_ssim, True, "sum of both sources"),
    "MS-SSIM": Metric(sum_of_ms_ssim, True, "sum of both sources"),
    "FMI": Metric(feature_mutual_information, True, "mean of both sources"),
    "PSNR": Metric(peak_signal_to_noise, True, "dB"),
    "detail loss": Metric(detail_loss, False, "%"),
}


def measure(fused: Grey, visible: Grey, thermal: Grey, names: tuple[str, ...] = ()) -> dict[str, float]:
    """Measure a fused picture.

    Args:
        fused: [H, W] uint8 grey, at least 41 pixels each way (VIF needs them).
        visible: likewise.
        thermal: likewise.
        names: keys of `METRICS`; all of them when empty.

    Raises:
        ValueError: pictures of different or too small size, or not [H, W] uint8.
    """
    for picture in (fused, visible, thermal):
        if picture.ndim != 2 or picture.dtype != "uint8" or min(picture.shape) < 41:
            raise ValueError(
                f"metrics need [H, W] uint8 of at least 41x41, got {picture.shape} {picture.dtype}"
            )
        if picture.shape != fused.shape:
            raise ValueError(f"pictures of one size are compared, got {fused.shape} and {picture.shape}")
    return {name: METRICS[name].measure(fused, visible, thermal) for name in names or METRICS}
