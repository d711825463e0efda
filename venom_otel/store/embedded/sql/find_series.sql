SELECT id FROM series
WHERE service = :service AND provider = :provider AND model = :model AND response_model = :response_model
  AND endpoint = :endpoint AND streaming = :streaming;
