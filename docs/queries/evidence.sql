-- Which evidence came in: events and parts by account, region, day and lane. A lane that does not count is here as well.
SELECT
    account,
    region,
    dt,
    lane,
    sum("rows") AS events,
    count(*) AS parts,
    count(DISTINCT key) AS packs,
    sum(length) AS bytes
FROM segments
GROUP BY account, region, dt, lane
ORDER BY account, region, dt, lane
