-- Columns of words are named as Dimension's values.
SELECT id, service, provider, model, response_model, endpoint FROM series
WHERE (:provider IS NULL OR provider IN (SELECT value FROM json_each(:provider)))
  AND (:model IS NULL OR model IN (SELECT value FROM json_each(:model)))
  AND (:endpoint IS NULL OR endpoint IN (SELECT value FROM json_each(:endpoint)))
  AND (:service IS NULL OR service IN (SELECT value FROM json_each(:service)));
