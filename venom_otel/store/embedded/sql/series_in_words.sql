-- Columns are named as Dimension's values.
SELECT id, service, provider, model, endpoint FROM series
WHERE (:provider IS NULL OR provider = :provider)
  AND (:model IS NULL OR model = :model)
  AND (:endpoint IS NULL OR endpoint = :endpoint)
  AND (:service IS NULL OR service = :service);
