"""What a simulated device is made of: a body (its physics) on a link, with a stage for faults between them.

A body knows nothing of ptys or sockets: it takes and yields bytes, or touches the lines of a simulated chip. So the
same bodies run on real ptys and on in-memory links with virtual time. They sleep with the running loop only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from simulator.faults import Fault
    from simulator.gpio_chip import GpioChip
    from simulator.keyboard_hub import KeyboardHub

Receive = Callable[[bytes], None]
Spoil = Callable[[bytes], bytes]


class Body(Protocol):
    """Physics of one device. All methods run on the loop's thread and return at once.

    Its class also has `title`, `options` (name to one line) and `alone(options, rng)`, for the device command."""

    @property
    def faults(self) -> tuple[str, ...]:
        """Names of simulator.faults.FAULTS that make sense for it."""
        ...

    def power(self, *, on: bool) -> None:
        """Off: stops acting and loses what the real one loses. On: begins. Starts off."""
        ...

    def afflict(self, fault: Fault) -> None:
        """Sets a fault that the stage cannot play. Raises FaultError and changes nothing when it cannot be."""
        ...

    def heal(self) -> None:
        """Ends all faults set by afflict()."""
        ...


class SerialBody(Body, Protocol):
    @property
    def spoilers(self) -> Mapping[str, Spoil]:
        """How to make a good frame bad in its own protocol, by fault, in the order they act."""
        ...

    def connect(self, send: Receive) -> None:
        """`send` takes whole frames to the host."""
        ...

    def receive(self, data: bytes) -> None:
        """Bytes from the host, in any chopping."""
        ...


@runtime_checkable
class Rated(Protocol):
    """A serial body that understands one rate alone, and may be told another."""

    listens_at: int


class GpioBody(Body, Protocol):
    def attach(self, chip: GpioChip) -> None:
        """Solders the body to the lines of a chip; once."""
        ...


class KeyboardBody(Body, Protocol):
    def attach(self, hub: KeyboardHub) -> None:
        """Puts it beside its port of a hub; once. With power it is plugged in."""
        ...


class I2cBody(Body, Protocol):
    """A chip as the wires see it. `at_s` is the time of the byte, on the loop's clock."""

    @property
    def address(self) -> int: ...

    def begin(self) -> None:
        """A message to this chip starts, whether it is written or read."""
        ...

    def take(self, byte: int, at_s: float) -> bool:
        """One byte written; whether the chip acknowledges it."""
        ...

    def give(self, count: int, at_s: float, byte_s: float) -> bytes:
        """So many bytes read, the first at `at_s`, each `byte_s` after the one before."""
        ...


class Pluggable(Protocol):
    def unplug(self) -> None:
        """The host finds the link gone. No effect when it is."""
        ...

    def replug(self) -> None:
        """The link is back at its name. No effect when it is there."""
        ...


class SerialLink(Pluggable, Protocol):
    """The devices' end of a serial line; several may hang on it."""

    def attach(self, receive: Receive) -> None:
        """Gives `receive` all that the host sends."""
        ...

    def send(self, data: bytes) -> None:
        """To the host; dropped when nobody reads."""
        ...

    def rate(self) -> int | None:
        """Bits a second, as the host has set them. None: nobody has, or there is no such thing."""
        ...
