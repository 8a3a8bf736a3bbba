-- What was claimed day by day: reports by status, the lowest compliance score and the highest risk score.
SELECT
    dt,
    status,
    count(*) AS reports,
    count(DISTINCT id) AS results,
    min(compliance_score) AS lowest_compliance,
    max(risk_score) AS highest_risk,
    max(findings) AS most_findings
FROM summaries
GROUP BY dt, status
ORDER BY dt, status
