INSERT INTO streams(
    digest, name, kind, unit, description, temporality, monotonic, service, scope, scope_version, scope_attributes, attributes, resource, bounds
) VALUES(
    :digest, :name, :kind, :unit, :description, :temporality, :monotonic, :service, :scope, :scope_version, :scope_attributes, :attributes,
    :resource, :bounds
);
