"""The page: a live list of requests and the trace behind each, over the services of the same process.

    app = FastAPI()
    page.mount(app, services, otlp_address="http://127.0.0.1:4318")

NiceGUI holds one application for a process, so one process has one cockpit.
"""
