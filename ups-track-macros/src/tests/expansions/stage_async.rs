async fn train<M: Model>(model: M) -> M {
    {
        static __UPS_TRACK_STAGE: ::ups_track::__private::StageSite = ::ups_track::__private::StageSite::new(
            "operator",
            "",
            "",
            ::ups_track::__private::core::option::Option::None,
        );
        ::ups_track::__private::StageFuture::new(
            &__UPS_TRACK_STAGE,
            ::ups_track::__private::tracing::span!(
                target : "ups_track::stage",
                ::ups_track::__private::tracing::Level::INFO, "train", stage =
                "operator", "stage.status" =
                ::ups_track::__private::tracing::field::Empty,
            ),
            move |outcome| async move {
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
        )
    }
        .await
}
