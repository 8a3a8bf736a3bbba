//! Which route a request takes.
//!
//! Enters: method and path. Leaves: a [`Route`], or a [`Problem`]. Laws: a known path with another method is 405 and says which
//! methods there are; any other path is 404; `HEAD` takes the route of `GET` (RFC 9110, section 9.3.2).

use super::problem::{Problem, ProblemKind};

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// Verdicts about operations.
    Validate,
    /// The current status of the deployment, and what its functions did last.
    Status,
    /// The figures of the dashboard.
    Dashboard,
    /// The figures in the format of OpenMetrics.
    Metrics,
    /// Whether the deployment is healthy.
    Health,
    /// The newest report.
    LatestReport,
    /// The description of this API.
    OpenApi,
}

impl Route {
    /// All routes.
    pub const ALL: [Self; 7] = [
        Self::Validate,
        Self::Status,
        Self::Dashboard,
        Self::Metrics,
        Self::Health,
        Self::LatestReport,
        Self::OpenApi,
    ];

    /// Its path.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Validate => "/validate",
            Self::Status => "/status",
            Self::Dashboard => "/dashboard",
            Self::Metrics => "/metrics",
            Self::Health => "/health",
            Self::LatestReport => "/reports/latest",
            Self::OpenApi => "/openapi.json",
        }
    }

    /// Its method.
    pub const fn method(self) -> &'static str {
        match self {
            Self::Validate => "POST",
            _ => "GET",
        }
    }

    /// The methods that it takes, as the header `allow` has them.
    const fn allow(self) -> &'static str {
        match self {
            Self::Validate => "POST",
            _ => "GET, HEAD",
        }
    }

    /// Its query parameters.
    pub const fn query(self) -> &'static [&'static str] {
        match self {
            Self::Validate => &["explain"],
            _ => &[],
        }
    }
}

/// The route of a request.
///
/// # Errors
/// A [`Problem`] with the status 404 or 405.
pub fn route(method: &str, path: &str) -> Result<Route, Problem> {
    let Some(found) = Route::ALL.into_iter().find(|route| route.path() == path) else {
        let known = Route::ALL.map(|route| format!("`{} {}`", route.method(), route.path()));
        let detail = format!("`{path}` is not the path of a route; the routes are {}", known.join(", "));
        return Err(Problem::new(ProblemKind::UnknownRoute, detail));
    };
    match found.allow().split(", ").any(|allowed| allowed == method) {
        true => Ok(found),
        false => {
            let allow = found.allow();
            let detail = format!("`{path}` takes {allow}, and not {method}");
            Err(Problem { allow: Some(allow), ..Problem::new(ProblemKind::MethodNotAllowed, detail) })
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_route_is_found_by_its_method_and_path_and_by_no_other_method() {
        for expected in Route::ALL {
            assert_eq!(route(expected.method(), expected.path()), Ok(expected));
            for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", ""] {
                let found = route(method, expected.path());
                let is_head = method == "HEAD" && expected.method() == "GET";
                match method == expected.method() || is_head {
                    true => assert_eq!(found, Ok(expected)),
                    false => {
                        let problem = found.unwrap_err();
                        assert_eq!(
                            (problem.status, problem.allow),
                            (405, Some(expected.allow())),
                            "{method}"
                        );
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_other_path_is_not_found(method in "[A-Z]{0,7}", path in "\\PC{0,30}") {
            prop_assume!(Route::ALL.iter().all(|route| route.path() != path));
            prop_assert_eq!(route(&method, &path).unwrap_err().status, 404);
        }
    }
}
