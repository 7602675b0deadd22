"""SSM's parameters in memory.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
"""

from typing import Any

from tests.memory.calls import Asked, Calls, Client, Refused, operation


class Parameters(Client):
    """The client for "ssm"."""

    def __init__(self, calls: Calls) -> None:
        super().__init__(calls)
        self._parameters: dict[str, dict[str, Any]] = {}

    @operation("PutParameter", "Name", "Value", "Type", "Overwrite")
    def put_parameter(self, asked: Asked) -> Any:
        name = asked["Name"]
        before = self._parameters.get(name)
        if before is not None and not asked.get("Overwrite"):
            raise Refused("ParameterAlreadyExists", "The parameter already exists.")
        parameter = {
            "Name": name,
            "Type": asked["Type"],
            "Value": asked["Value"],
            "Version": before["Version"] + 1 if before else 1,
            "LastModifiedDate": self._calls.now(),
        }
        self._parameters[name] = parameter
        return {"Version": parameter["Version"], "Tier": "Standard"}

    @operation("GetParameter", "Name", "WithDecryption")
    def get_parameter(self, asked: Asked) -> Any:
        if (parameter := self._parameters.get(asked["Name"])) is None:
            raise Refused("ParameterNotFound", f"Parameter {asked['Name']} not found.")
        answer = dict(parameter)
        if answer["Type"] == "SecureString" and not asked.get("WithDecryption"):
            answer["Value"] = "(ciphertext)"
        return {"Parameter": answer}
