from tests.soak.lambda_runtime.sandbox import Machine


def arm64_machine() -> Machine: ...
