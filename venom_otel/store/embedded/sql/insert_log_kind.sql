INSERT INTO log_kinds(service, severity) VALUES(:service, :severity);
