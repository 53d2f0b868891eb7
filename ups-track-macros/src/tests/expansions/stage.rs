/// Trains.
pub fn train(&mut self, epochs: u64) -> Result<Model, Error> {
    let stage = ::ups_track::__private::Stage::enter(
        if ::ups_track::__private::on() {
            ::ups_track::__private::tracing::span!(
                target : "ups_track::stage",
                ::ups_track::__private::tracing::Level::INFO, "train", stage =
                "operator", "stage.best" = "loss=min", "stage.status" =
                ::ups_track::__private::tracing::field::Empty,
            )
        } else {
            ::ups_track::__private::tracing::Span::none()
        },
    );
    let out = ::ups_track::__private::probe::call(move || -> Result<Model, Error> {
        let loss = self.epoch()?;
        Ok(Model { loss })
    });
    if let ::ups_track::__private::core::option::Option::Some(text) = ::ups_track::__private::probe::EndProbe::new(
            &out,
        )
        .error_text()
    {
        ::ups_track::__private::tracing::event!(
            target : "ups_track::alert", ::ups_track::__private::tracing::Level::ERROR, {
            "alert.title" = "stage `operator` failed", "alert.text" = text.as_str() },
            "{}: {}", "stage `operator` failed", text
        );
    }
    stage.done(::ups_track::__private::probe::EndProbe::new(&out).is_err());
    out
}
