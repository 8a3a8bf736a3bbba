-- Stored evidence: events and parts by account, Region, day and evidence source. A source that does not count for an hour is
-- included.
SELECT
    account,
    region,
    dt,
    evidence_source,
    sum("rows") AS events,
    count(*) AS parts,
    count(DISTINCT key) AS packs,
    sum(length) AS bytes
FROM segments
GROUP BY account, region, dt, evidence_source
ORDER BY account, region, dt, evidence_source
