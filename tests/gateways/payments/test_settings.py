from talktime.settings import settings_from


def test_new_cards_go_to_the_sandbox_until_stripes_key_is_set_and_to_one_place_only() -> None:
    without = settings_from({})
    with_key = settings_from({"TALKTIME_STRIPE_SECRET_KEY": "sk_test_1"})

    assert (without.payment_gateway, with_key.payment_gateway) == ("sandbox", "stripe")


def test_settings_that_are_shown_show_no_secret_of_stripes() -> None:
    settings = settings_from(
        {"TALKTIME_STRIPE_SECRET_KEY": "sk_test_1", "TALKTIME_STRIPE_WEBHOOK_SECRET": "whsec_test_1"}
    )

    assert "sk_test_1" not in repr(settings)
    assert "whsec_test_1" not in repr(settings)
