"""SSM's parameters in memory.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
"""

from typing import Any

from tests.memory.calls import Asked, Calls, Client, Refused, operation


class Parameters(Client):
    """The client for "ssm"."""

    def __init__(self, calls: Calls) -> None:
        super().__init__(calls)
        self._parameters: dict[str, list[dict[str, Any]]] = {}

    @operation("PutParameter", "Name", "Value", "Type", "Overwrite")
    def put_parameter(self, asked: Asked) -> Any:
        name = asked["Name"]
        versions = self._parameters.setdefault(name, [])
        if versions and not asked.get("Overwrite"):
            raise Refused("ParameterAlreadyExists", "The parameter already exists.")
        parameter = {
            "Name": name,
            "Type": asked["Type"],
            "Value": asked["Value"],
            "Version": len(versions) + 1,
            "LastModifiedDate": self._calls.now(),
        }
        versions.append(parameter)
        return {"Version": parameter["Version"], "Tier": "Standard"}

    @operation("GetParameter", "Name", "WithDecryption")
    def get_parameter(self, asked: Asked) -> Any:
        name, _, version = asked["Name"].partition(":")
        versions = self._parameters.get(name)
        if not versions:
            raise Refused("ParameterNotFound", f"Parameter {name} not found.")
        if version and not 0 < int(version) <= len(versions):
            raise Refused("ParameterVersionNotFound", f"{name} has no version {version}.")
        answer = dict(versions[int(version or 0) - 1])
        if answer["Type"] == "SecureString" and not asked.get("WithDecryption"):
            answer["Value"] = "(ciphertext)"
        return {"Parameter": answer}
