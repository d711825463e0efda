"""The errors this package raises itself. Each message names the setting, command or address at fault and the next step.

    VenomError
    ├── SettingsError      a setting or argument cannot be used
    ├── MissingExtraError  a part of the package is not installed
    ├── CockpitError       a running cockpit cannot be asked
    ├── GrafanaError       a Grafana cannot be asked, or refuses
    ├── ActionError        a model server does not do what it was told
    │   ├── UnsupportedError   nobody can tell it that from here
    │   ├── UnknownError       there is no model or server of that name
    │   ├── ConflictError      something else must be done or said first
    │   └── BusyError          another operation on it is under way
    ├── TaskRefusedError   a task is not begun
    │   ├── WrongTaskError     what it asks for cannot be done
    │   ├── NobodyThereError   no model server could answer it
    │   └── TooManyTasksError  more are waiting than may wait; try again later
    ├── StateError         operations and the audit cannot be read or written
    ├── StoreError         the store cannot be opened, read or written
    │   ├── StoreFormatError   the file is not ours, or of a newer version
    │   ├── StoreFullError     the disk is full
    │   └── StoreBusyError     more is waiting than may wait; try again later
    └── PayloadError       an OTLP request that cannot be decoded

Nothing here ever reaches an instrumented application from a call: instrumentation fails silently there, once logged.
"""

from __future__ import annotations


class VenomError(Exception):
    """Base of every error of this package."""


class SettingsError(VenomError):
    """A setting or argument cannot be used; the message names it and what would do."""


class MissingExtraError(VenomError):
    """A command or page needs a part of the package that is not installed; the message names the extra."""


class CockpitError(VenomError):
    """No cockpit answers at an address, or it refuses; the message names the address and what to do."""


class GrafanaError(VenomError):
    """No Grafana answers at an address, or it refuses; the message names the address and what to do."""


class ActionError(VenomError):
    """A model server does not do, or cannot be told to do, what somebody asks; the message says why and what to do."""


class UnsupportedError(ActionError):
    """A model server cannot be told that from here; the message says why, and which setting would make it possible."""


class UnknownError(ActionError):
    """There is no model or server of that name; the message says which there are."""


class ConflictError(ActionError):
    """It cannot be done as things are now; the message says what is in the way, and what to do or say first."""


class BusyError(ActionError):
    """Another operation on the same server is under way; the message names it.

    Args:
        message: the words.
        operation_id: the operation's, where it is one that can be followed.
    """

    def __init__(self, message: str, operation_id: str | None = None) -> None:
        super().__init__(message)
        self.operation_id = operation_id


class TaskRefusedError(VenomError):
    """A task is not begun; the message says why and what to do."""


class WrongTaskError(TaskRefusedError):
    """A task asks for what there is not, or for too much.

    Args:
        message: the words.
        parameter: the name of what is wrong.
    """

    def __init__(self, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


class NobodyThereError(TaskRefusedError):
    """There is no model server that could answer a task; the message says how to name one."""


class TooManyTasksError(TaskRefusedError):
    """More tasks are waiting, or hold more text, than may; try again later."""


class StateError(VenomError):
    """What is kept beside telemetry, operations and the audit, cannot be opened, read or written."""


class StoreError(VenomError):
    """The telemetry store cannot be opened, read or written."""


class StoreFormatError(StoreError):
    """The file is not a store of this program, or was written by a newer version; it is left untouched."""


class StoreFullError(StoreError):
    """There is not enough room on the disk; what was sent is not stored and must be sent again."""


class StoreBusyError(StoreError):
    """More is waiting to be stored than may wait; the sender must try again later."""


class PayloadError(VenomError):
    """An OTLP request that cannot be decoded; sending it again cannot help."""
