SELECT blocks.arrived_ns, payloads.zstd FROM blocks JOIN payloads ON payloads.block = blocks.id WHERE blocks.id = :block;
