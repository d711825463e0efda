SELECT block, digests FROM payloads WHERE block > :after ORDER BY block LIMIT 1;
