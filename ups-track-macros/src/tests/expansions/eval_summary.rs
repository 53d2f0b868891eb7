fn evaluate(model: &Model) -> Result<Scores, Error> {
    let out = ::ups_track::__private::probe::call(move || -> Result<Scores, Error> {
        Ok(model.scores()?)
    });
    ::ups_track::__private::eval_summary::<
        Result<Scores, Error>,
    >("eval/ttc", ::ups_track::__private::core::option::Option::None, &out);
    out
}
