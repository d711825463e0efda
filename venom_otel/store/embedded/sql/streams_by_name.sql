-- Columns are named as the fields of MetricSeries; the time of the newest point is one step in the index for each stream.
SELECT
    s.id,
    s.name,
    s.kind,
    s.unit,
    s.description,
    s.temporality,
    s.monotonic,
    nullif(s.service, '') AS service,
    s.scope,
    s.attributes,
    s.resource,
    (SELECT max(time_ns) FROM points WHERE points.stream = s.id) AS last_ns
FROM streams AS s
WHERE (:id IS NULL OR s.id = :id)
  AND (:name IS NULL OR s.name = :name)
  AND (:service IS NULL OR s.service = :service)
  AND (:since_ns IS NULL OR (SELECT max(time_ns) FROM points WHERE points.stream = s.id) >= :since_ns)
ORDER BY s.name, s.service, s.attributes, s.id;
