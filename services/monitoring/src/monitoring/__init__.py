"""Watch what was built: probes, measurements, alerts, incidents, SLOs."""
