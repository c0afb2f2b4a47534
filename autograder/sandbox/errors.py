"""What can go wrong before a student's code runs."""


class SandboxUnavailable(RuntimeError):
    """No sandbox can be made on this machine; the message names what is missing and the ways out."""
