"""The steps of a setup in their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stream.calibrate.grey import grey_thermal, grey_visible
from stream.calibrate.scene.run import FrameSet, watch
from stream.config import FuseSettings, validate
from stream.config.merge import overlay
from stream.errors import CalibrationError, SourceError
from stream.frame import Pixels
from stream.registration.calibration import Calibration, load_calibration, save_calibration
from stream.registration.registrar import build_registrar
from stream.runtime.clock import Clock, utc_date
from stream.setup.alignment import Aligned, align_alone
from stream.setup.clocks import LARGEST_S, clocks_of
from stream.setup.look import SourceLook, look_at, palettes_unsaid
from stream.setup.machine import choose, measure
from stream.setup.mistakes.content import content_findings
from stream.setup.mistakes.finding import Finding
from stream.setup.mistakes.lens import lens_finding
from stream.setup.mistakes.shreds import real_size, with_size
from stream.setup.mistakes.sides import side_findings
from stream.setup.mistakes.timing import rate_finding
from stream.setup.placement import Placement
from stream.setup.session import HandSession
from stream.setup.steps import StepName, Steps
from stream.setup.written import Place, Values, nested, next_command, write_files
from stream.sync_check.run import SyncCheck, check_sync

# Serves the page until the alignment is saved.
ByHand = Callable[[HandSession], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Wishes of the user.

    Attributes:
        named: settings by their names, as the command line gives them.
        seconds: how much of the streams is looked at.
        distance_m: of the scene.
        anyway: go on although a mistake was seen.
        by_hand: do not try to align by what both pictures show.
    """

    named: Mapping[str, Any]
    seconds: float
    distance_m: float
    anyway: bool = False
    by_hand: bool = False


class Setup:
    """One setup; its steps share their results."""

    def __init__(
        self,
        wanted: Wanted,
        place: Place,
        steps: Steps,
        clock: Clock,
        align_by_hand: ByHand | None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            wanted: what the user asked for.
            place: where the files go.
            steps: where each step is told.
            clock: for live cameras and dates.
            align_by_hand: opens the page; None where there is no browser.
        """
        self._wanted, self._place, self._steps = wanted, place, steps
        self._clock, self._align_by_hand = clock, align_by_hand
        self._named = dict(wanted.named)
        self._told: list[str] = []

    def run(self) -> str:
        """All steps; gives the command that comes next.

        Raises:
            GifnetError: a source cannot be read, a mistake was seen, or the pictures cannot be aligned.
        """
        with palettes_unsaid():
            visible, thermal = self._look()
            watched = self._find_offset()
            calibration = self._align(thermal)
            self._choose_model(visible, thermal, watched)
            return self._write(calibration)

    def _settings(self) -> FuseSettings:
        return validate(FuseSettings, overlay({}, self._named), "the command line")

    def _look(self) -> tuple[SourceLook, SourceLook]:
        self._steps.begin("sources")
        settings = self._settings()
        visible = look_at(settings.visible, "visible")
        thermal = self._whole(look_at(settings.thermal, "thermal"))
        for look in (visible, thermal):
            self._told.append(f"{look.side}: {look.words(None)}")
        self._consider("sources", side_findings(visible, thermal))
        self._steps.end("sources", "\n".join(self._told))
        return visible, thermal

    def _whole(self, thermal: SourceLook) -> SourceLook:
        """The thermal source, read by the size that its pictures really have."""
        size = real_size(thermal.picture)
        if size is None:
            return thermal
        seen = (
            f"the thermal pictures show slanting shreds, as saved with width and height swapped: they are "
            f"{size[0]}x{size[1]}"
        )
        uri = with_size(thermal.settings.uri, size)
        if uri is None:
            self._steps.note("sources", f"{seen}; state their size where they are made")
            return thermal
        try:
            read = look_at(thermal.settings.model_copy(update={"uri": uri}), "thermal")
        except SourceError:
            self._steps.note("sources", f"{seen}; state their size where they are made")
            return thermal
        self._named["thermal"] = uri
        self._steps.note("sources", f"{seen} and are read so")
        return read

    def _find_offset(self) -> SyncCheck:
        self._steps.begin("clocks")
        watched = check_sync(self._settings(), self._wanted.seconds, LARGEST_S, self._clock)
        finding = rate_finding(watched.visible, watched.thermal)
        self._consider("clocks", [finding] if finding else [])
        if "offset_ms" in self._named:
            self._steps.end("clocks", f"an offset of {self._named['offset_ms']} ms, as given by --offset-ms")
            return watched
        clocks = clocks_of(watched)
        if clocks.offset_ms:
            self._named["offset_ms"] = clocks.offset_ms
        self._steps.end("clocks", clocks.text)
        return watched

    def _align(self, thermal: SourceLook) -> Calibration | None:
        if "calibration" in self._named:
            self._check_given()
            return None
        self._steps.begin("alignment")
        moments = watch(self._settings(), self._wanted.seconds, self._clock)
        self._consider("alignment", self._seen_in(moments, thermal))
        distance_m, date = self._wanted.distance_m, utc_date(self._clock)
        found = Aligned(None, False, "--by-hand skips it", Placement(), "skipped, by --by-hand")
        if not self._wanted.by_hand:
            found = align_alone(moments, distance_m, date, self._steps.go_on)
        if found.note:
            self._steps.note("alignment", found.note)
        self._steps.end("alignment", found.text, "left" if found.doubt else "done")
        if not found.doubt:
            self._steps.end("points", "not needed", "left")
            return found.calibration
        self._by_hand(moments, found)
        return None

    def _by_hand(self, moments: Sequence[FrameSet], found: Aligned) -> None:
        """Have a person align the pictures, and write the calibration as soon as it is saved."""
        if self._align_by_hand is None:
            raise CalibrationError(
                f"the pictures are not aligned yet ({found.doubt}), and nothing was written: run this again "
                "with --page where a browser reaches this machine (from elsewhere by --bind 0.0.0.0:8091), "
                "or pass a calibration file by --calibration FILE (docs/calibration.md)"
            )
        self._steps.begin("points")
        file = self._place.calibration
        session = HandSession(
            moments, found.guess, self._wanted.distance_m, lambda made: save_calibration(made, file)
        )
        self._align_by_hand(session)
        made = session.calibration
        if made is None:
            raise CalibrationError("the pictures were not aligned, and nothing was written")
        error = f", to {made.rms_px:.1f} visible pixels" if made.rms_px else ""
        self._steps.end("points", f"aligned by hand{error}; {file} is written")
        self._named["calibration"] = str(file)

    def _check_given(self) -> None:
        """A calibration that the user has must fit the pictures."""
        self._steps.begin("alignment")
        settings = self._settings()
        file = settings.registration.file
        assert file is not None
        looks = look_at(settings.visible, "visible"), look_at(settings.thermal, "thermal")
        build_registrar(settings.registration, load_calibration(file), looks[0].size, looks[1].size)
        self._steps.end("alignment", f"by {file}, as given by --calibration")
        self._steps.end("points", "not needed", "left")

    def _seen_in(self, moments: Sequence[FrameSet], thermal: SourceLook) -> list[Finding]:
        states = {"thermal_palette", "thermal_camera", "thermal_layout"} & self._named.keys()
        found = content_findings(moments, thermal.is_deep, bool(states))
        pictures: dict[str, list[Pixels]] = {
            "visible": [grey_visible(moment.visible) for moment in moments],
            "thermal": [np.minimum(grey_thermal(moment.thermal), 255) for moment in moments],
        }
        lenses = [lens_finding(pictures["visible"], "visible"), lens_finding(pictures["thermal"], "thermal")]
        return [*found, *(lens for lens in lenses if lens)]

    def _choose_model(self, visible: SourceLook, thermal: SourceLook, watched: SyncCheck) -> None:
        if "model" in self._named:
            self._steps.end("machine", f"{self._named['model']}, as given by --model", "left")
            return
        self._steps.begin("machine")
        rates = [rate for rate in (watched.visible.rate, watched.thermal.rate) if rate > 0]
        counts = [look.info.frames for look in (visible, thermal) if look.info.frames]
        rate = min(rates, default=25.0)
        frames = None if visible.info.live else min(counts, default=len(watched.visible.stamps_s))
        choice = choose(measure(visible.size), rate, frames)
        self._named["model"] = choice.model
        self._told.append(choice.text)
        self._steps.end("machine", choice.text)

    def _write(self, calibration: Calibration | None) -> str:
        self._steps.begin("file")
        if calibration:
            self._named["calibration"] = str(self._place.calibration)
        values: Values = nested(self._named)
        write_files(self._place, values, calibration, self._told)
        beside = f", and {self._place.calibration} beside it" if calibration else ""
        self._steps.end("file", f"{self._place.config} is written{beside}")
        command = next_command(Path(self._place.config))
        self._steps.finish(command)
        return command

    def _consider(self, step: StepName, findings: Sequence[Finding]) -> None:
        """Report findings; a mistake ends the setup unless the user insists.

        Raises:
            SourceError: a mistake.
        """
        for finding in findings:
            if finding.weight == "stop" and not self._wanted.anyway:
                raise SourceError(f"{finding.sentence}; --anyway goes on nevertheless")
            self._steps.note(step, finding.sentence)
