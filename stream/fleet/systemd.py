"""A unit of systemd for every pair of a fleet, and a target for all of them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from stream.errors import ConfigError
from stream.files.atomic_write import write_atomic
from stream.fleet.pairs import Pair

TARGET = "gifnet-fleet.target"
_PREFIX, _SUFFIX = "gifnet-", ".service"
_MARK = "# Written by `gifnet fleet systemd`; changes are lost with the next call."

_UNIT = """{mark}
[Unit]
Description=gifnet-stream: fused stream {name}
PartOf={target}
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
WorkingDirectory=/var/lib/gifnet/{name}
StateDirectory=gifnet/{name}
RuntimeDirectory=gifnet-{name}
Environment=XDG_RUNTIME_DIR=/run/gifnet-{name}
EnvironmentFile=-/etc/gifnet/{name}.env
Restart=always
RestartSec=1
TimeoutStartSec=300
TimeoutStopSec=20
WatchdogSec=60
KillSignal=SIGTERM

# Rights: to read its configuration, write its own folder, use cameras and the network.
User={user}
Group={user}
SupplementaryGroups=video render
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
ProtectClock=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
RestrictNamespaces=yes
LockPersonality=yes
CapabilityBoundingSet=
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native

[Install]
WantedBy={target}
"""

_TARGET_UNIT = """{mark}
[Unit]
Description=gifnet-stream: all fused streams
Wants={units}

[Install]
WantedBy=multi-user.target
"""


def write_units(pairs: Sequence[Pair], folder: Path, user: str) -> tuple[list[Path], list[Path]]:
    """Write a unit for each pair, and the target.

    Args:
        pairs: of the fleet.
        folder: for units, such as /etc/systemd/system.
        user: and group that they run as.

    Returns:
        Units that were written or changed; and units of earlier calls whose pair the fleet has no more, which
        are left as they are.

    Raises:
        ConfigError: the folder cannot be written to.
    """
    names = {pair.name: f"{_PREFIX}{pair.name}{_SUFFIX}" for pair in pairs}
    texts = {names[pair.name]: _unit(pair, user) for pair in pairs}
    texts[TARGET] = _TARGET_UNIT.format(mark=_MARK, units=" ".join(names.values()))
    try:
        changed = [folder / name for name, text in texts.items() if _write(folder / name, text)]
        old = [path for path in sorted(folder.glob(f"{_PREFIX}*{_SUFFIX}")) if path.name not in texts]
        return changed, [path for path in old if path.read_text(encoding="utf-8").startswith(_MARK)]
    except OSError as error:
        raise ConfigError(f"the folder {folder} cannot be written to: {error.strerror}") from None


def _unit(pair: Pair, user: str) -> str:
    program = shutil.which("gifnet")
    line = [program] if program else [sys.executable, "-m", "stream"]
    command = " ".join(_quoted(word) for word in [*line, *pair.words()])
    return _UNIT.format(mark=_MARK, name=pair.name, command=command, target=TARGET, user=user)


def _quoted(word: str) -> str:
    """A word of a command line of systemd, see systemd.service(5)."""
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{plain}"' if not word or set(word) & set(" \t'\";\\") else plain


def _write(path: Path, text: str) -> bool:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    write_atomic(path, text, mode=0o644)
    return True
