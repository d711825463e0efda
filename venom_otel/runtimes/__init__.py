"""The model servers: what each one is, and what it says of itself.

    runtimes = await find(load(RuntimeSettings))  # venom_otel.runtimes.finding
    readings = await asyncio.gather(*map(read, runtimes))  # venom_otel.runtimes.reading

`model` and `protocol` are the contract, an adapter for each runtime lies in a module of its name, `registry` lists them together with
those that other packages bring. A reading is made anew each time: who remembers the last one, and since when it holds, is `health`.
"""
