-- What is wrong, by the newest revision of each report: worst first. One finding in several windows is one line.
WITH newest AS (
    SELECT "since", "until", max(revision) AS revision
    FROM summaries
    GROUP BY "since", "until"
)
SELECT
    f.severity,
    f.id AS rule,
    f.principal,
    f.subject,
    max(f.title) AS title,
    max(f."count") AS calls,
    CAST(min(f.first_seen) AS varchar) AS first_seen,
    CAST(max(f.last_seen) AS varchar) AS last_seen
FROM findings AS f
JOIN newest AS n ON f."since" = n."since" AND f."until" = n."until" AND f.revision = n.revision
GROUP BY f.severity, f.id, f.principal, f.subject, f.fingerprint
ORDER BY
    CASE f.severity WHEN 'CRITICAL' THEN 1 WHEN 'HIGH' THEN 2 WHEN 'MEDIUM' THEN 3 WHEN 'LOW' THEN 4 ELSE 5 END,
    calls DESC,
    f.fingerprint
