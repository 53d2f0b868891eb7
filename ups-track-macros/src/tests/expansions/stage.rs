/// Trains.
pub fn train(&mut self, epochs: u64) -> Result<Model, Error> {
    let mut stage = {
        static __UPS_TRACK_STAGE: ::ups_track::__private::StageSite = ::ups_track::__private::StageSite::new(
            "operator",
            "loss=min",
            "",
            ::ups_track::__private::core::option::Option::None,
        );
        ::ups_track::__private::StageGuard::enter(
            &__UPS_TRACK_STAGE,
            ::ups_track::__private::tracing::span!(
                target : "ups_track::stage",
                ::ups_track::__private::tracing::Level::INFO, "train", stage =
                "operator", "stage.status" =
                ::ups_track::__private::tracing::field::Empty,
            ),
        )
    };
    let out = ::ups_track::__private::probe::call(move || -> Result<Model, Error> {
        let loss = self.epoch()?;
        Ok(Model { loss })
    });
    if let ::ups_track::__private::core::option::Option::Some(text) = ::ups_track::__private::probe::EndProbe::new(
            &out,
        )
        .error_text()
    {
        ::ups_track::__private::stage_failed("stage `operator` failed", &text);
    }
    stage.done(::ups_track::__private::probe::EndProbe::new(&out).is_err());
    out
}
