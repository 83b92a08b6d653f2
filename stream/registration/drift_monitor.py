"""Looks after the registration of a run: warns when the cameras moved, and corrects a little where asked."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from stream.config.live_settings import AdjustableSettings
from stream.errors import GifnetError
from stream.frame import FusedFrame, Pixels
from stream.registration.calibration import Baseline, Calibration
from stream.registration.drift import SELF_ALIGN, Drift, DriftState, SelfAlign, Shift

# Frames from one look at the settings to the next: they can change while a run goes on.
SETTINGS_EVERY = 25

_log = logging.getLogger(__name__)


class DriftMonitor:
    """Shown every fused frame by the thread of the sinks; asked by any.

    Attributes:
        state: the newest.
        moves: when the cameras were found to have moved, in capture time, and by how much.
    """

    def __init__(
        self,
        controls: AdjustableSettings,
        coverage: Callable[[], Pixels | None],
        calibration: Calibration | None = None,
    ) -> None:
        """Begin before the first frame.

        Args:
            controls: settings of the run, and the way to change the nudge.
            coverage: gives that of the registration in use, see `Fuser.coverage`.
            calibration: of the run, for its baseline.
        """
        self._controls, self._coverage = controls, coverage
        self._calibration = calibration
        self._drift: Drift | None = None
        self._frames = 0
        self._values: dict[str, Any] = {}
        self._align = SelfAlign(_nudge(controls.values()))
        self._told_too_far = False
        self.state = DriftState()
        self.moves: list[dict[str, float]] = []

    def look(self, frame: FusedFrame) -> None:
        """Look at a frame; most pass by."""
        if self._frames % SETTINGS_EVERY == 0:
            self._follow(frame)
        self._frames += 1
        if self._drift is None or not self._drift.wants(frame.pair):
            return
        before = self.state
        self.state = self._drift.compare(frame.visible, frame.thermal, self._coverage())
        if self.state is not before:
            self._tell(before, frame)
            self._correct(frame)

    def as_json(self) -> dict[str, Any]:
        """The account, for reports and pages."""
        return {**self.state.as_json(), "moves": list(self.moves)}

    def _follow(self, frame: FusedFrame) -> None:
        """Take over changed settings; a thermal picture in another place is judged from the start."""
        values = _of_registration(self._controls.values())
        if values == self._values:
            return
        every, before = values["check_every"], self._values.get("check_every", 0)
        self._values = values
        if every != before or not every:
            self._drift = Drift(every, self._baseline(frame)) if every else None
            self.state = self._drift.state if self._drift else DriftState()
        elif self._drift:
            self._drift.restart()

    def _baseline(self, frame: FusedFrame) -> Baseline | None:
        calibration = self._calibration
        if calibration is None or calibration.baseline is None:
            return None
        width, height = frame.size
        calibrated_width, calibrated_height = calibration.visible.size
        return calibration.baseline.scaled(width / calibrated_width, height / calibrated_height)

    def _tell(self, before: DriftState, frame: FusedFrame) -> None:
        if self.state.verdict == before.verdict:
            return
        correction = self.state.correction_px
        if correction is None:
            _log.info("%s", self.state.sentence())
            return
        move = {"time_s": float(frame.time_s), "right_px": -correction[0], "down_px": -correction[1]}
        self.moves.append({name: round(value, 2) for name, value in move.items()})
        right, down = (
            round(now + part, 1) + 0.0 for now, part in zip(self._nudge_px(), correction, strict=True)
        )
        _log.warning(
            "%s, unless the scene is at another distance than the calibration is for; --nudge-right-px %g "
            "--nudge-down-px %g would correct it, and gifnet calibrate check measures it closely",
            self.state.sentence(),
            right,
            down,
        )

    def _correct(self, frame: FusedFrame) -> None:
        if not self._values["self_align"]:
            return
        width, _ = frame.size
        wanted = self._align.next_nudge(self.state, self._nudge_px(), width, float(frame.time_s))
        if wanted is None:
            self._tell_too_far(width)
            return
        nudge = dict(zip(("registration.nudge_right_px", "registration.nudge_down_px"), wanted, strict=True))
        try:
            self._controls.change(nudge, "self-align")
        except GifnetError as error:
            _log.warning("self-align: %s", error)
            return
        self._follow(frame)

    def _tell_too_far(self, width: int) -> None:
        if self._align.is_too_far(self.state, self._nudge_px(), width) and not self._told_too_far:
            self._told_too_far = True
            _log.warning(
                "the cameras have moved by more than the %g px that self-align follows: calibrate again",
                SELF_ALIGN * width,
            )

    def _nudge_px(self) -> Shift:
        return _nudge(self._controls.values())


def _of_registration(values: dict[str, Any]) -> dict[str, Any]:
    """Settings of the registration by key."""
    section = "registration."
    return {
        place.removeprefix(section): value for place, value in values.items() if place.startswith(section)
    }


def _nudge(values: dict[str, Any]) -> Shift:
    return values["registration.nudge_right_px"], values["registration.nudge_down_px"]
