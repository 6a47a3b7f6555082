"""SCRAM's other half, from the RFC and the standard library alone."""

import base64
import hashlib
import hmac

from directory.signin import Exchange, Identity


async def sign_in(
    exchange: Exchange, login: str, password: str, *, acting: str = "", flag: str = "n", channel: bytes = b"", nonce: str = "abcdefgh"
) -> Identity:
    """Play a client, check the server's proof, and return who signed in."""
    header = f"{flag},{'a=' + acting if acting else ''},".encode()
    bare = f"n={login.replace('=', '=3D').replace(',', '=2C')},r={nonce}".encode()
    assert await exchange.respond(None) == b""
    asked = await exchange.respond(header + bare)
    assert isinstance(asked, bytes)
    fields = dict(piece.split("=", 1) for piece in asked.decode().split(","))
    assert fields["r"].startswith(nonce)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    without = b"c=" + base64.b64encode(header + channel) + b",r=" + fields["r"].encode()
    message = bare + b"," + asked + b"," + without
    signature = hmac.digest(hashlib.sha256(client_key).digest(), message, "sha256")
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    said = await exchange.respond(without + b",p=" + base64.b64encode(proof))
    mine = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
    if isinstance(said, Identity):
        assert exchange.data == b"v=" + base64.b64encode(mine)
        return said
    assert said == b"v=" + base64.b64encode(mine)
    done = await exchange.respond(b"")
    assert isinstance(done, Identity)
    return done
