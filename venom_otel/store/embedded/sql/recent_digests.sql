SELECT digests FROM payloads ORDER BY block DESC;
