"""The telemetry commands: look at what was recorded, deliver it. Each calls the library and shows what it returns."""
