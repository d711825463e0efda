INSERT INTO series(service, provider, model, response_model, endpoint, streaming)
VALUES(:service, :provider, :model, :response_model, :endpoint, :streaming);
