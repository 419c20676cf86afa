//! The parameters of each question as the description of the API tells them:
//! which have to be there, and what they look like. The handlers read them as
//! texts ([`super::Asked`], [`super::ask::Wanted`]), so that what is wrong with
//! one is said in words.

use std::collections::BTreeMap;

use serde::Deserialize;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses, ToSchema};

use super::ask::{quantities, sizes, technologies, truth};

/// Whether the tests of simulations are meant.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description")]
pub(super) struct Kind {
    /// Of the synthetic tests instead of the real ones.
    #[param(inline, schema_with = truth)]
    synthetic: Option<String>,
}

/// A month.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description")]
pub(super) struct OfMonth {
    /// The month, as `2024-11`.
    #[param(pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2024-11")]
    month: String,
}

/// Of which areas.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description")]
pub(super) struct OfCampaign {
    /// Only the areas of this campaign.
    campaign: Option<String>,
}

/// Of whose network.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description")]
pub(super) struct OfNetwork {
    /// An operator's id, `all` (the default) or `unknown`.
    operator: Option<String>,
    /// `mobile` (the default), `2g`, `3g`, `4g`, `5g`, `mobile_other` or `fixed`.
    #[param(inline, schema_with = technologies)]
    technology: Option<String>,
}

/// Of which quantity.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description")]
pub(super) struct OfQuantity {
    /// `download_bits_per_second` (the default), `upload_bits_per_second` or `idle_rtt_us`.
    #[param(inline, schema_with = quantities)]
    metric: Option<String>,
}

/// The months of a drawing.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description")]
pub(super) struct OfDrawnMonths {
    /// The month, as `2024-11`; the last of `series.svg`.
    #[param(pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2024-11")]
    month: String,
    /// First month of `series.svg`; eleven before the last where there is none.
    #[param(pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2024-07")]
    from: Option<String>,
    /// Last month of `series.svg`, instead of `month`.
    #[param(pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2024-12")]
    to: Option<String>,
}

/// A series of months.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description")]
pub(super) struct OfSeries {
    /// Last month, as `2024-12`.
    #[param(pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2024-12")]
    to: String,
    /// First month, at most 35 before the last; eleven before it where there is none.
    #[param(pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2024-07")]
    from: Option<String>,
}

/// How large a drawing is.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description")]
pub(super) struct OfPicture {
    /// `page` (the default) or `phone`.
    #[param(inline, schema_with = sizes)]
    size: Option<String>,
}

/// How the office and members are refused: problems (RFC 9457).
pub(super) struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let problem = |about: &str| {
            let content = ContentBuilder::new()
                .schema(Some(Ref::from_schema_name("Problem")))
                .build();
            let response = ResponseBuilder::new().description(about);
            let response = response.content("application/problem+json", content);
            RefOr::T(response.build())
        };
        [
            ("400", "The query or the body is not what is asked for"),
            ("401", "Nobody is signed in, or no member has this token"),
            ("403", "This account may not"),
            ("404", "What is named does not exist"),
            ("409", "It does not fit what is stored"),
            ("422", "A value is wrong; `field` names it"),
            ("429", "Tried too often"),
        ]
        .into_iter()
        .map(|(status, about)| (status.to_owned(), problem(about)))
        .collect()
    }
}

/// A list that people keep in a spreadsheet.
#[derive(ToSchema)]
#[schema(value_type = String, example = "Mã,Loại,Tên\nq1,Ủy ban nhân dân,Ủy ban nhân dân Quận 1\n")]
#[expect(dead_code, reason = "a description")]
pub(super) struct ListBody(String);

/// A submission; its members stand in docs/api.md.
#[derive(Deserialize, ToSchema)]
#[schema(as = Submission)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a description")]
pub(super) struct SubmissionSchema {
    /// Version of the format.
    #[schema(pattern = "^1$", example = "1")]
    submission: String,
    /// What the site signed.
    #[schema(value_type = Object)]
    receipt: serde_json::Value,
    /// The tester's secret, of which the receipt holds the hash.
    nonce: String,
    /// What the client saw.
    #[schema(value_type = Object)]
    observed: serde_json::Value,
    /// The circumstances.
    #[schema(value_type = Object)]
    context: serde_json::Value,
}
