async fn train<M: Model>(model: M) -> M {
    {
        let span = if ::ups_track::__private::on() {
            ::ups_track::__private::tracing::span!(
                target : "ups_track::stage",
                ::ups_track::__private::tracing::Level::INFO, "train", stage =
                "operator", "stage.status" =
                ::ups_track::__private::tracing::field::Empty,
            )
        } else {
            ::ups_track::__private::tracing::Span::none()
        };
        let stage_span = ::ups_track::__private::core::clone::Clone::clone(&span);
        ::ups_track::__private::tracing::Instrument::instrument(
            async move {
                let outcome = ::ups_track::__private::Outcome::new(&stage_span);
                let out = async move {
                    if false {
                        return ::ups_track::__private::probe::edge::<M>();
                    }
                    model.fit().await
                }
                    .await;
                outcome
                    .done(::ups_track::__private::probe::EndProbe::new(&out).is_err());
                out
            },
            span,
        )
    }
        .await
}
