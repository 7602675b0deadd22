"""A telephone that speaks as much SIP as the calls need (RFC 3261, 3515 and 3891), on one address.

It sends no sound: what a switch reports of a call does not depend on any. It hears what it is told
in a thread of its own, and whoever plays with it waits for what has come.
"""

import re
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote

PORT = 5060
# How long whatever must come may take, in seconds.
PATIENCE_S = 20.0
_SDP = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
)
_SHORT = {"i": "call-id", "f": "from", "t": "to", "v": "via", "m": "contact", "l": "content-length"}
_REASONS = {100: "Trying", 180: "Ringing", 200: "OK", 202: "Accepted", 302: "Moved Temporarily"}


@dataclass
class Message:
    """A request or an answer, with its headers in lower case."""

    start: str
    headers: dict[str, str]
    vias: list[str]
    body: str

    @classmethod
    def read(cls, packet: bytes) -> "Message":
        # Whatever came goes back as it came.
        head, _, body = packet.decode("latin-1").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        headers: dict[str, str] = {}
        vias = []
        for line in lines:
            name, _, value = line.partition(":")
            name = _SHORT.get(name.strip().lower(), name.strip().lower())
            if name == "via":
                vias.append(value.strip())
            headers.setdefault(name, value.strip())
        return cls(start, headers, vias, body)

    @property
    def status(self) -> int:
        """Of an answer; 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        """What it asks, or what is answered."""
        return self.headers["cseq"].split()[1]

    def user(self, header: str) -> str:
        """The user part of an address."""
        found = re.search(r"sips?:([^@>;]*)@", self.headers.get(header, ""))
        return found[1] if found else ""


@dataclass
class Call:
    """One dialogue of a telephone, from its own side."""

    phone: "Telephone"
    call_id: str
    ours: str
    theirs: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    invite: Message | None = None
    number: str = ""
    status: int = 0
    rang_at: float = 0.0
    answered_at: float = 0.0
    ended_at: float = 0.0
    notified: str = ""
    _cseq: int = 1
    _branch: str = ""
    _answer: bytes = b""
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def until(self, holds: Callable[[], object], what: str, within_s: float = PATIENCE_S) -> None:
        """Waits for something to come.

        Raises:
            TimeoutError: it did not.
        """
        with self._changed:
            if not self._changed.wait_for(holds, within_s):
                raise TimeoutError(f"{self.phone.name} of {self.number}: not {what}")

    def until_answered(self) -> None:
        self.until(lambda: self.answered_at or self.status >= 300, "answered")
        if not self.answered_at:
            raise TimeoutError(f"{self.phone.name} of {self.number}: refused with {self.status}")

    def until_ringing(self) -> None:
        self.until(lambda: self.rang_at or self.answered_at, "ringing")

    def until_ended(self, within_s: float = PATIENCE_S) -> None:
        self.until(lambda: self.ended_at, "ended", within_s)

    # Of a call that comes in

    def ring(self) -> None:
        self._respond(180)

    def answer(self) -> None:
        """Takes the call, unless its caller has given up."""
        if not self.ended_at:
            self._respond(200, body=self.phone.sdp)
            self._set(answered_at=time.time())

    def refuse(self, status: int, **headers: str) -> None:
        if not self.ended_at:
            self._respond(status, **headers)
            self._set(ended_at=time.time())

    # Of any call

    def hang_up(self) -> None:
        """BYE, or CANCEL of a call of ours that nobody has taken."""
        if self.ended_at:
            return
        if self.answered_at:
            self._ask("BYE")
            self._set(ended_at=time.time())
        else:
            self._send("CANCEL", cseq=self._cseq, branch=self._branch)

    def refer(self, to: str, replaces: "Call | None" = None) -> None:
        """Passes the other side on to somebody, or to the other side of another call of ours."""
        address = f"sip:{to}@{self.phone.switch}"
        if replaces:
            theirs, ours = _tag(replaces.theirs), _tag(replaces.ours)
            named = f"{replaces.call_id};to-tag={theirs};from-tag={ours}"
            address += f"?Replaces={quote(named, safe='')}"
        own = f"<sip:{self.phone.name}@{self.phone.host}>"
        self._ask("REFER", refer_to=f"<{address}>", referred_by=own)

    # What the other side does

    def heard(self, message: Message) -> None:
        if message.status:
            self._answered(message)
        elif message.method == "INVITE":
            if self.invite and message.headers["cseq"] == self.invite.headers["cseq"]:
                self.phone.send(self._answer)
            else:
                self.phone.respond(message, 200, self, body=self.phone.sdp)
        elif message.method != "ACK":
            self.phone.respond(message, 200, self)
            if message.method == "BYE":
                self._set(ended_at=time.time())
            elif message.method == "CANCEL":
                self._respond(487)
                self._set(ended_at=time.time())
            elif message.method == "NOTIFY":
                self._set(notified=message.body.strip())

    def start(self, number: str, **headers: str) -> None:
        self.number = number
        self._ask("INVITE", body=self.phone.sdp, **headers)

    def _answered(self, message: Message) -> None:
        if message.method != "INVITE" or message.status < 180:
            return
        if message.status < 200:
            self._set(rang_at=time.time())
            return
        self.theirs = message.headers["to"]
        if contact := re.search(r"<(.*?)>", message.headers.get("contact", "")):
            self.target = contact[1]
        cseq = int(message.headers["cseq"].split()[0])
        # The ACK of a refusal belongs to the INVITE's transaction; that of an answer to none.
        refused = message.status >= 300
        self._send("ACK", cseq=cseq, branch=self._branch if refused else "")
        if refused and not self.answered_at:
            self._set(status=message.status, ended_at=time.time())
        elif not self.answered_at:
            self._set(status=message.status, answered_at=time.time())

    def _ask(self, method: str, body: str = "", **headers: str) -> None:
        self._cseq += 1
        branch = self._send(method, cseq=self._cseq, body=body, **headers)
        if method == "INVITE":
            self._branch = branch

    def _send(
        self, method: str, *, cseq: int, branch: str = "", body: str = "", **headers: str
    ) -> str:
        branch = branch or f"z9hG4bK{secrets.token_hex(8)}"
        lines = [
            f"{method} {self.target} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.phone.host}:{PORT};branch={branch};rport",
            f"From: {self.ours}",
            f"To: {self.theirs}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:{self.phone.name}@{self.phone.host}:{PORT}>",
            "Max-Forwards: 70",
            *_lines(headers),
        ]
        self.phone.send(_packet(lines, body))
        return branch

    def _respond(self, status: int, body: str = "", **headers: str) -> None:
        assert self.invite
        self._answer = self.phone.respond(self.invite, status, self, body=body, **headers)

    def _set(self, **values: float | str) -> None:
        with self._changed:
            for name, value in values.items():
                setattr(self, name, value)
            self._changed.notify_all()


class Telephone:
    """A telephone, or a trunk, of a switch.

    Args:
        name: what it is called.
        host: its own address, on the loopback network.
        switch: the switch's address.
        behaves: what it does with a call that comes in, in a thread of its own.
    """

    def __init__(self, name: str, host: str, switch: str, behaves: Callable[[Call], None]) -> None:
        self.name = name
        self.host = host
        self.switch = switch
        self.sdp = _SDP.format(host=host)
        self._behaves = behaves
        self._calls: dict[str, Call] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, PORT))
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        # As long as it listens, the address is taken: the next call has telephones at the same.
        self._listener.join()

    def dial(self, number: str, caller: str = "", name: str = "", **headers: str) -> Call:
        """Calls a number of the switch; with `caller`, as if from there."""
        shown = f'"{name}" ' if name else ""
        ours = f"{shown}<sip:{caller or self.name}@{self.host}>;tag={secrets.token_hex(4)}"
        call_id = f"{secrets.token_hex(8)}@{self.host}"
        target = f"sip:{number}@{self.switch}"
        call = self._calls[call_id] = Call(self, call_id, ours, f"<{target}>", target)
        call.start(number, **headers)
        return call

    def send(self, packet: bytes) -> None:
        self._socket.sendto(packet, (self.switch, PORT))

    def respond(
        self, request: Message, status: int, call: Call | None, body: str = "", **headers: str
    ) -> bytes:
        to = request.headers["to"]
        if call and "tag=" not in to:
            to = call.ours
        lines = [
            f"SIP/2.0 {status} {_REASONS.get(status, 'No')}",
            *(f"Via: {via}" for via in request.vias),
            f"From: {request.headers['from']}",
            f"To: {to}",
            f"Call-ID: {request.headers['call-id']}",
            f"CSeq: {request.headers['cseq']}",
            *_lines({"contact": f"<sip:{self.name}@{self.host}:{PORT}>", **headers}),
        ]
        packet = _packet(lines, body)
        self.send(packet)
        return packet

    def _listen(self) -> None:
        while True:
            try:
                packet, _ = self._socket.recvfrom(65535)
            except OSError:
                return  # closed
            if packet.strip():
                self._hear(Message.read(packet))

    def _hear(self, message: Message) -> None:
        call = self._calls.get(message.headers.get("call-id", ""))
        if call:
            call.heard(message)
        elif message.start.startswith("INVITE "):
            self._take(message)
        elif not message.status and message.method != "ACK":
            self.respond(message, 200, None)

    def _take(self, invite: Message) -> None:
        contact = re.search(r"<(.*?)>", invite.headers.get("contact", ""))
        dialled = re.match(r"INVITE sips?:([^@>;]*)@", invite.start)
        call = Call(
            phone=self,
            call_id=invite.headers["call-id"],
            ours=f"{invite.headers['to']};tag={secrets.token_hex(4)}",
            theirs=invite.headers["from"],
            target=contact[1] if contact else "",
            invite=invite,
            number=dialled[1] if dialled else "",
            rang_at=time.time(),
        )
        self._calls[call.call_id] = call
        threading.Thread(target=self._behaves, args=(call,), daemon=True).start()


def _tag(address: str) -> str:
    found = re.search(r"tag=([^;>]*)", address)
    return found[1] if found else ""


def _lines(headers: dict[str, str]) -> list[str]:
    return [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]


def _packet(lines: list[str], body: str) -> bytes:
    kind = ["Content-Type: application/sdp"] if body else []
    size = [f"Content-Length: {len(body)}", "", body]
    return "\r\n".join([*lines, *kind, *size]).encode("latin-1")
